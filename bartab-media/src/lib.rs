//! Uploads, blobs, thumbnails and delivery; media arrives with its own issue, and nothing is exported until then.
