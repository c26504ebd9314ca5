"""What is put into ribs: fractures with labels, imitators without, and shams that change nothing."""
