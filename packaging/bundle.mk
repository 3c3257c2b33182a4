# One archive that runs on any x86-64 Linux without being installed: `make bundle`. Included by the Makefile.

BUNDLE_NAME = retrotls-$(VERSION)-x86_64
BUNDLE = $(BUILD)/$(BUNDLE_NAME).tar.xz
# The programs, linked statically from the same objects as those of `make all`; and the libraries.
BUNDLE_PROGRAMS = retrotls retrotls-relay retrotls-check retrotls-supervise
BUNDLE_LIBRARIES = libretrotls.so lib32/libretrotls.so musl/libretrotls.so
STATIC_LIBS = -lssl -lcrypto -lidn2 -lunistring -pthread
LINK_STATIC = $(CC) $(CFLAGS) $(LDFLAGS) -static-pie -s -Wl,--build-id=none -o $@ $^
NO_NSS = $(BUILD)/obj/shim/static/no_nss.o

.PHONY: bundle
bundle: all $(addprefix $(BUILD)/bundle/,$(BUNDLE_PROGRAMS))
	@packaging/bundle $(BUILD) $(BUNDLE_NAME) "$(BUNDLE_PROGRAMS)" "$(BUNDLE_LIBRARIES)"

$(BUILD)/bundle/retrotls-relay: $(RELAY) $(WIRE)
	@mkdir -p $(@D)
	$(LINK_STATIC) $(STATIC_LIBS)

$(BUILD)/bundle/retrotls-check: $(CHECK) $(POLICY) $(WIRE) $(NO_NSS)
	@mkdir -p $(@D)
	$(LINK_STATIC) $(STATIC_LIBS)

$(BUILD)/bundle/retrotls: $(COMMAND) $(POLICY) $(WIRE) $(NO_NSS)
	@mkdir -p $(@D)
	$(LINK_STATIC)

# With the library's code, which otherwise asks dlsym(3) for what comes after it.
$(BUILD)/bundle/retrotls-supervise: $(BUILD)/obj/shim/static/libc_itself.o $(SUPERVISE) $(POLICY) $(WIRE) $(NO_NSS)
	@mkdir -p $(@D)
	$(LINK_STATIC) -pthread
