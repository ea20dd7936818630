"""A promise to give again: started, renewed, failed, changed, paused and stopped.

A plan mirrors one subscription at Stripe in our words. Stripe takes the money and tries again by itself; this room
says what that means to the supporter: which donation each payment is (`Instalment`), which letter goes out, what is
shown. Wishes of supporters and staff become rows (`PlanChange`) before Stripe hears of them, and jobs carry them out.
It may import donations, people, appeals, newsletters, payments, mail and what lies below them; receipts stand above.
"""
