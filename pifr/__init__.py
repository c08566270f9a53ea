"""pifr: measure how much a face recogniser loses when the face turns, and win it back with generated views.

The verbs live in their rooms, each a function that returns a result object:

* ``ipgan.train`` trains the generator that separates identity from pose.
* ``pifr.augment.augment`` makes multi-view pictures from single views.
* ``pifr.recognition.train_recognizer`` trains a recogniser on real and generated pictures.
* ``pifr.evaluation.evaluate`` measures any embedder pose by pose.

Importing this package imports neither torch nor scikit-learn.
"""

__version__ = "0.1.0"
