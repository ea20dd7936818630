"""The sample paper's settings, as the environment gives them."""

SETTINGS_ENV = {
    "SUPPORTERS_SECRET_KEY": "test-secret-key-of-more-than-32-characters",
    "SUPPORTERS_STRIPE_SECRET_KEY": "sk_test_sandbox",
    "SUPPORTERS_STRIPE_WEBHOOK_SECRET": "whsec_test_secret",
    "SUPPORTERS_STRIPE_API_BASE": "http://127.0.0.1:8001",
    "SUPPORTERS_CHECKOUT_ORIGIN": "http://127.0.0.1:8001",
    "SUPPORTERS_PUBLISHER_NAME": "The Weekly Lamp",
    "SUPPORTERS_LEGAL_NAME": "The Weekly Lamp Ltd",
    "SUPPORTERS_POSTAL_ADDRESS": "12 Tanner’s Row, Eastmere EM1 4LP",
    "SUPPORTERS_CONTACT_NAME": "Nora Hale, editor",
    "SUPPORTERS_CONTACT_EMAIL": "help@weeklylamp.example",
    "SUPPORTERS_MAIL_FROM": "receipts@give.weeklylamp.example",
    "SUPPORTERS_NEWSLETTER_NAME": "the daily email, Morning Light",
    "SUPPORTERS_SECOND_FACTOR": "optional",
}
