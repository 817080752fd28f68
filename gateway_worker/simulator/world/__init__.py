"""What there is: accounts, devices, groups, records, faults."""
