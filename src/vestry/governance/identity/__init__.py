"""Who asks: people, their roles, how they prove it, and for how long.

`user.py` is what the rest of the platform knows of a person. `accounts.py` keeps who there is, `passwords.py` and
`provider.py` are the two ways to log in, `sessions.py` and `tokens.py` remember who did.
"""
