"""What the bank says: statements in every format that banks give out, read, checked and kept line by line.

May import `payments` and below. Parsers are pure: bytes in, statements out, or one message that names file, line and field.
Whose money a line is, `reconciliation` finds out; here only what the bank wrote is kept, and no more of it than is needed.
"""
