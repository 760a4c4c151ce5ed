"""What containers hold, found without decoding: lengths, links, damage, missing ends."""
