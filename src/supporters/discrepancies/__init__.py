"""A difference that a person must explain: code, subject, owner, due date, typed resolution.

May import `kit`, `audit`, `staff`. Unknown is visible: what the house cannot explain becomes a row here, is never dropped, never
guessed and never a crash. (code, subject) is unique, so that looking twice opens nothing twice; a resolved one stays so unless
it looks otherwise. What closing one does to the books is `reconciliation.resolutions`; the search `reconciliation.detect`.
"""
