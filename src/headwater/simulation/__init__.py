"""Brain activity and recordings made from models: spatial pattern x time course x noise on any lead field."""
