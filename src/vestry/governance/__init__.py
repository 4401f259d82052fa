"""Who may see what, and why: people and their roles, policies, agreements and requests, the gate, the audit.

Every door asks here, and here only. `state.py` keeps what people decided; `identity/user.py` is who asks.
"""
