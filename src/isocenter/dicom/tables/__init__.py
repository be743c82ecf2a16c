"""Tables made from the standard by `scripts/iod_tables.py`; `isocenter.dicom.iod` reads them."""
