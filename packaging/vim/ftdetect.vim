autocmd BufRead,BufNewFile */retrotls/policy,*/retrotls/policy.d/*,*.retrotls setfiletype retrotls
