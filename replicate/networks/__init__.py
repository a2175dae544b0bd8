"""Networks: layers and their names, feature maps and how they are read, weights."""
