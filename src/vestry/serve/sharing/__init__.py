"""Delta Sharing: partners, and staff with a token, load what they may see with their own tools.

https://github.com/delta-io/delta-sharing/blob/main/PROTOCOL.md. `entrance.py` knows who comes, `shares.py` what they
find, `history.py` what a release was at each version, `actions.py` how the protocol writes it. `addresses.py` signs the
addresses of files and takes them back, `files.py` and `stored.py` give what they name. `routes.py` are the paths.
"""
