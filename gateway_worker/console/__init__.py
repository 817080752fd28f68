"""The console: pages for people who run sessions. A backend like any other: it speaks AMQP, and knows no database."""
