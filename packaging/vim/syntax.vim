" Vim syntax file: retrotls-policy(5)
if exists('b:current_syntax')
  finish
endif
setlocal iskeyword+=-
syntax match retrotlsComment /\%(^\|\s\)\zs#.*$/
syntax region retrotlsString start=/"/ skip=/\\./ end=/"/ oneline
syntax keyword retrotlsMatch match include
syntax keyword retrotlsCriterion contained host address port program user protocol
syntax match retrotlsMatchLine /^\s*match\s.*$/ contains=retrotlsMatch,retrotlsCriterion,retrotlsString,retrotlsComment
syntax keyword retrotlsSetting level protocol tls implicit-port connect-to name servername ca-file ca-dir crl-file certificate-checks
syntax keyword retrotlsSetting fingerprint
syntax keyword retrotlsSetting tls-min tls-max ciphers ciphersuites groups client-cert client-key timeout
syntax keyword retrotlsSetting greeting-timeout testing sandbox unreached reach log final
syntax keyword retrotlsValue none may encrypt secure normal strict starttls implicit yes no required optional warn refuse auto preload supervise both syslog stderr system bundled
syntax keyword retrotlsValue smtp lmtp imap pop3 nntp sieve
highlight default link retrotlsComment Comment
highlight default link retrotlsString String
highlight default link retrotlsMatch Statement
highlight default link retrotlsCriterion Type
highlight default link retrotlsSetting Identifier
highlight default link retrotlsValue Constant
let b:current_syntax = 'retrotls'
