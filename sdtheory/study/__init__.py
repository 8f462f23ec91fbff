"""The theory-gap study: are we better off when theorists are boosted? Uses the public interface only."""
