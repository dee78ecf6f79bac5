"""What vllint understood of a launch, for people who want to see how it comes to its findings."""
