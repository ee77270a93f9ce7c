"""Who can read and write what, through what, and what a change gave or took.

`direct` says what the server's has_…_privilege() functions say; `doors` and `writes` what is behind
views and functions; `effective` puts both together; `cells` and `difference` are the answers.
"""
