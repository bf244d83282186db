"""Text in pictures: where it is, and what it says::

finder, reader = TextFinder(), TextReader()
view = View(cv2.imread("street.jpg"))
found = finder.detect(view)
strings, scores = reader.read(view, polygons_of(found))
"""
