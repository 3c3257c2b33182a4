# Sourced. `architecture NAME` sets the architecture's names for Debian, the compiler and qemu, and its ELF class, byte order and
# machine for the kernel.
ARCHITECTURES='aarch64 armhf ppc64el s390x'
architecture() {
    case $1 in
    aarch64) debian=arm64 triplet=aarch64-linux-gnu qemu=qemu-aarch64-static elf='\x02\x01' machine='\xb7\x00' ;;
    armhf) debian=armhf triplet=arm-linux-gnueabihf qemu=qemu-arm-static elf='\x01\x01' machine='\x28\x00' ;;
    ppc64el) debian=ppc64el triplet=powerpc64le-linux-gnu qemu=qemu-ppc64le-static elf='\x02\x01' machine='\x15\x00' ;;
    s390x) debian=s390x triplet=s390x-linux-gnu qemu=qemu-s390x-static elf='\x02\x02' machine='\x00\x16' ;;
    *) echo "no such architecture: $1; there are $ARCHITECTURES" >&2; exit 2 ;;
    esac
}
