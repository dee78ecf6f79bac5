"""Values and templates of Helm charts."""
