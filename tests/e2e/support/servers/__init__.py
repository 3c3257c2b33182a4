"""Real mail servers, each in a temporary folder and on a loopback address of its own."""
