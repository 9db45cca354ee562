"""What makes a trained model one that others can use and judge: its card, and the way to the Hub."""
