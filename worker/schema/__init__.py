"""The application's schema: what it is at head, and how to change it while the application is running."""
