"""Ray Serve and KubeRay."""
