"""What we may send, to whom, and the proof of it: lists, double opt-in, consent evidence, preferences.

Consent is never implied: not by a donation, not by an import without its basis. Evidence is append-only.
"""
