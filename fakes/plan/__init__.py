"""What an answer will be, decided before it is sent: steps, words, times. Pure."""
