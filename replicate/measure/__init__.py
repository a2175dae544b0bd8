"""What is known of a picture in numbers: metrics, analysis of feature maps, matching of weights."""
