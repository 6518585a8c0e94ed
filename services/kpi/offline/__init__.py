"""What runs without a service: verify a copied log, check definitions, recount a backup."""
