# Installation and packages. Included by the Makefile.

MULTIARCH ?= $(call once,MULTIARCH,$(shell $(CC) -print-multiarch))
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib/$(MULTIARCH)
LIBEXECDIR ?= $(PREFIX)/libexec/retrotls
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/retrotls
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
# The folders where zsh looks; the second one is the administrator's.
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
VIMDIR ?= $(PREFIX)/share/vim/vimfiles

# The library runs its relay by this path. A path relative to a program's folder would let anybody supply a relay.
ifneq ($(words $(LIBEXECDIR)) $(filter /%,$(LIBEXECDIR)),1 $(LIBEXECDIR))
$(error PREFIX must be an absolute path without blanks, not '$(PREFIX)')
endif
ifneq ($(word 2,$(DESTDIR)),)
$(error DESTDIR must be a path without blanks, not '$(DESTDIR)')
endif

# The libraries for this machine's other programs, if they were built. In 32-bit programs, $LIB in a preload's path means
# lib/i386-linux-gnu with Debian's libc6:i386, and lib32 with its libc6-i386.
LIBRARY_32 = $(PREFIX)/lib/i386-linux-gnu/libretrotls.so
LINK_32 = $(PREFIX)/lib32/libretrotls.so
LIBRARY_MUSL = $(PREFIX)/lib/retrotls/musl/libretrotls.so
OTHERS = $(if $(filter lib32,$(OTHER_BUILDS)),$(LIBRARY_32) $(LINK_32)) \
	$(if $(filter musl,$(OTHER_BUILDS)),$(LIBRARY_MUSL))

INSTALLED = $(BINDIR)/retrotls $(LIBDIR)/libretrotls.so $(LIBEXECDIR)/retrotls-relay $(LIBEXECDIR)/retrotls-check \
	$(LIBEXECDIR)/retrotls-supervise \
	$(MANDIR)/man1/retrotls.1 $(MANDIR)/man5/retrotls-policy.5 $(MANDIR)/man7/libretrotls.7 \
	$(MANDIR)/man7/retrotls-security.7 \
	$(BASHCOMPDIR)/retrotls $(ZSHCOMPDIR)/_retrotls $(VIMDIR)/syntax/retrotls.vim $(VIMDIR)/ftdetect/retrotls.vim \
	$(DOCDIR)/README.md $(DOCDIR)/LICENSE $(DOCDIR)/policy.default
EXAMPLES = $(patsubst policy/examples/%,$(DOCDIR)/examples/%,$(wildcard policy/examples/*))
FOLDERS = $(DOCDIR)/examples $(DOCDIR) $(LIBEXECDIR) $(PREFIX)/lib/retrotls/musl $(PREFIX)/lib/retrotls

# Without it the loader does not find LD_PRELOAD=libretrotls.so in /usr/local, and starts the program unguarded.
refresh_cache = $(if $(DESTDIR)$(filter-out /usr /usr/local,$(PREFIX)),,[ ! -w /etc/ld.so.cache ] || PATH="$$PATH:/usr/sbin:/sbin" ldconfig)

# Renamed into place: ld.so would start a program without a library that is only half written.
put_library = install -m 644 $(1) $(2).new && mv -f $(2).new $(2)

.PHONY: install uninstall deb rpm

install: all
	install -d $(sort $(dir $(addprefix $(DESTDIR),$(INSTALLED) $(OTHERS)))) $(DESTDIR)$(DOCDIR)/examples
	install -m 755 $(BUILD)/retrotls $(DESTDIR)$(BINDIR)/retrotls
	$(call put_library,$(BUILD)/libretrotls.so,$(DESTDIR)$(LIBDIR)/libretrotls.so)
	install -m 755 $(BUILD)/retrotls-relay $(DESTDIR)$(LIBEXECDIR)/retrotls-relay
	install -m 755 $(BUILD)/retrotls-check $(DESTDIR)$(LIBEXECDIR)/retrotls-check
	install -m 755 $(BUILD)/retrotls-supervise $(DESTDIR)$(LIBEXECDIR)/retrotls-supervise
ifneq ($(filter lib32,$(OTHER_BUILDS)),)
	$(call put_library,$(BUILD)/lib32/libretrotls.so,$(DESTDIR)$(LIBRARY_32))
	ln -sf ../lib/i386-linux-gnu/libretrotls.so $(DESTDIR)$(LINK_32)
endif
ifneq ($(filter musl,$(OTHER_BUILDS)),)
	$(call put_library,$(BUILD)/musl/libretrotls.so,$(DESTDIR)$(LIBRARY_MUSL))
endif
	install -m 644 man/retrotls.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 man/retrotls-policy.5 $(DESTDIR)$(MANDIR)/man5/
	install -m 644 man/libretrotls.7 man/retrotls-security.7 $(DESTDIR)$(MANDIR)/man7/
	install -m 644 packaging/completions/retrotls.bash $(DESTDIR)$(BASHCOMPDIR)/retrotls
	install -m 644 packaging/completions/_retrotls $(DESTDIR)$(ZSHCOMPDIR)/_retrotls
	install -m 644 packaging/vim/syntax.vim $(DESTDIR)$(VIMDIR)/syntax/retrotls.vim
	install -m 644 packaging/vim/ftdetect.vim $(DESTDIR)$(VIMDIR)/ftdetect/retrotls.vim
	install -m 644 README.md LICENSE $(DESTDIR)$(DOCDIR)/
	install -m 644 policy/default $(DESTDIR)$(DOCDIR)/policy.default
	install -m 644 policy/examples/* $(DESTDIR)$(DOCDIR)/examples/
	$(refresh_cache)

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED) $(LIBRARY_32) $(LINK_32) $(LIBRARY_MUSL) $(EXAMPLES))
	@for each in $(addprefix $(DESTDIR),$(FOLDERS)); do \
		[ ! -d "$$each" ] || rmdir --ignore-fail-on-non-empty "$$each"; done
	$(refresh_cache)

# A package made without debhelper: dpkg-deb needs only the tree and its control file.
deb:
	packaging/deb $(BUILD) $(VERSION)

# Builds what is committed. An rpm without a database of packages (Debian's) cannot check the build's requirements.
RPMFLAGS ?= $(if $(shell rpm -qa 2>/dev/null | head -n 1),,--nodeps)
RPM ?= $(CURDIR)/$(BUILD)/rpm
rpm:
	mkdir -p $(RPM)
	git archive --prefix=retrotls-$(VERSION)/ HEAD | gzip -n > $(RPM)/retrotls-$(VERSION).tar.gz
	rpmbuild -bb $(RPMFLAGS) packaging/rpm/retrotls.spec --define "_topdir $(RPM)" --define "_sourcedir $(RPM)"
