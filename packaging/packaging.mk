# Installation and packages. Included by the Makefile.

MULTIARCH ?= $(shell $(CC) -print-multiarch)
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib/$(MULTIARCH)
LIBEXECDIR ?= $(PREFIX)/libexec/retrotls
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/retrotls
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/vendor-completions
VIMDIR ?= $(PREFIX)/share/vim/vimfiles

INSTALLED = $(BINDIR)/retrotls $(LIBDIR)/libretrotls.so $(LIBEXECDIR)/retrotls-relay \
	$(MANDIR)/man1/retrotls.1 $(MANDIR)/man5/retrotls-policy.5 $(MANDIR)/man7/libretrotls.7 \
	$(BASHCOMPDIR)/retrotls $(ZSHCOMPDIR)/_retrotls $(VIMDIR)/syntax/retrotls.vim $(VIMDIR)/ftdetect/retrotls.vim \
	$(DOCDIR)/README.md $(DOCDIR)/LICENSE $(DOCDIR)/policy.default
# The 32-bit and the musl library, where they were built.
OTHERS = $(if $(wildcard $(BUILD)/lib32/libretrotls.so),$(PREFIX)/lib/i386-linux-gnu/libretrotls.so) \
	$(if $(wildcard $(BUILD)/musl/libretrotls.so),$(PREFIX)/lib/retrotls/musl/libretrotls.so)

.PHONY: install uninstall deb

install: all
	install -d $(sort $(dir $(addprefix $(DESTDIR),$(INSTALLED) $(OTHERS)))) $(DESTDIR)$(DOCDIR)/examples
	install -m 755 $(BUILD)/retrotls $(DESTDIR)$(BINDIR)/retrotls
	install -m 644 $(BUILD)/libretrotls.so $(DESTDIR)$(LIBDIR)/libretrotls.so
	install -m 755 $(BUILD)/retrotls-relay $(DESTDIR)$(LIBEXECDIR)/retrotls-relay
	$(if $(wildcard $(BUILD)/retrotls-check),install -m 755 $(BUILD)/retrotls-check $(DESTDIR)$(LIBEXECDIR)/retrotls-check)
	$(if $(wildcard $(BUILD)/lib32/libretrotls.so),install -m 644 $(BUILD)/lib32/libretrotls.so \
		$(DESTDIR)$(PREFIX)/lib/i386-linux-gnu/libretrotls.so)
	$(if $(wildcard $(BUILD)/musl/libretrotls.so),install -m 644 $(BUILD)/musl/libretrotls.so \
		$(DESTDIR)$(PREFIX)/lib/retrotls/musl/libretrotls.so)
	install -m 644 man/retrotls.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 man/retrotls-policy.5 $(DESTDIR)$(MANDIR)/man5/
	install -m 644 man/libretrotls.7 $(DESTDIR)$(MANDIR)/man7/
	install -m 644 packaging/completions/retrotls.bash $(DESTDIR)$(BASHCOMPDIR)/retrotls
	install -m 644 packaging/completions/_retrotls $(DESTDIR)$(ZSHCOMPDIR)/_retrotls
	install -m 644 packaging/vim/syntax.vim $(DESTDIR)$(VIMDIR)/syntax/retrotls.vim
	install -m 644 packaging/vim/ftdetect.vim $(DESTDIR)$(VIMDIR)/ftdetect/retrotls.vim
	install -m 644 README.md LICENSE $(DESTDIR)$(DOCDIR)/
	install -m 644 policy/default $(DESTDIR)$(DOCDIR)/policy.default
	install -m 644 policy/examples/* $(DESTDIR)$(DOCDIR)/examples/

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED) $(OTHERS) $(LIBEXECDIR)/retrotls-check)
	rm -rf $(DESTDIR)$(DOCDIR)
	-rmdir $(DESTDIR)$(LIBEXECDIR) 2>/dev/null

# A package of its own making: what dpkg-deb needs is the tree and its control file.
deb:
	packaging/deb $(BUILD) $(VERSION)
