"""What vllint knows of rules, of vLLM's options, of models and of cards, as text for people."""
