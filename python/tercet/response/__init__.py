"""Level 2: what customers do, and what works on them."""

from tercet.response.segment import Segment
from tercet.response.segment_book import SegmentBook
from tercet.response.segment_changes import SegmentChanges
from tercet.response.segment_members import SegmentMembers

__all__ = ["Segment", "SegmentBook", "SegmentChanges", "SegmentMembers"]
