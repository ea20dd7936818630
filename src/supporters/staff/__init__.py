"""Who works here: staff accounts, sign-in, sessions, roles.

May import `kit`, `audit`, `guard`, `mail`. Sessions are ours because the framework's adopt an id that the client invented.
"""
