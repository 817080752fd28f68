"""What runs the gateway: private services, the demo, containers and the decisions."""
