"""What an operator and a mobile app may rely on, proved on the real commands, each a process of its own."""
