"""Newsletter senders, both ways: consent goes out, unsubscribes, bounces and complaints come back."""
