"""The demo: a sample paper, sample data made by the real code, a mailbox, all on this machine.

May import the house and the sandbox; nothing but `cli` imports it. No page of the demo is part of the product.
"""
