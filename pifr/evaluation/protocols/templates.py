"""Templates: sets of pictures of one person that are enrolled or searched with as one.

A template is embedded as IJB's evaluators do it: pictures of one medium (the frames of one video) are averaged first,
so that a long video counts no more than one photograph; the template is the mean over its media, at unit length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Templates:
    """Which pictures make which template.

    Attributes:
        names: ``(T,)`` text, one name a template.
        subjects: ``(T,)`` text, whom it shows.
        gallery: ``(T,)`` text, the gallery it is enrolled in; empty where it is searched with.
        picture: ``(M,)`` row of a picture in the data; a picture may belong to several templates.
        template: ``(M,)`` which template it belongs to, as an index into ``names``.
        media: ``(M,)`` number of the medium it comes from, of any value.
        picture_weight: ``equal`` pools unit vectors; ``norm`` pools embeddings as they are, so that a long one
            counts more.
    """

    names: np.ndarray
    subjects: np.ndarray
    gallery: np.ndarray
    picture: np.ndarray
    template: np.ndarray
    media: np.ndarray
    picture_weight: str = "equal"

    def __len__(self) -> int:
        return len(self.names)

    def first_pictures(self) -> np.ndarray:
        """Return the row ``(T,)`` of each template's first picture."""
        templates, place = np.unique(self.template, return_index=True)
        assert len(templates) == len(self)  # readers refuse templates without pictures
        return self.picture[place]


def pool(vectors: np.ndarray, failed: np.ndarray, templates: Templates) -> tuple[np.ndarray, np.ndarray]:
    """Pool embeddings of pictures into embeddings of templates.

    With x an embedding, M(t) the media of template t and P(m, t) its pictures from medium m, the template is
    ``sum over m of (mean over P(m, t) of x)``, brought to unit length. Source: C. Whitelam et al., "IARPA Janus
    Benchmark-B face dataset", CVPR Workshops 2017 (templates and media); the evaluators of ArcFace and VGGFace2
    (means of media, then their sum).

    Args:
        vectors: ``(N, D)`` embeddings of the pictures.
        failed: ``(N,)`` pictures without an embedding; they are left out of their templates.
        templates: What belongs together.

    Returns:
        ``(T, D)`` unit vectors, zero where a template failed; ``(T,)`` templates that failed because not one of their
        pictures gave an embedding, or because their embeddings cancel out.

    Example:
        >>> two = Templates(*(np.array(["t"]),) * 3, np.arange(3), np.zeros(3, int), np.array([7, 7, 9]))
        >>> pooled, _ = pool(np.array([[1.0, 0], [0, 1], [0, 1]]), np.zeros(3, bool), two)
        >>> [round(float(x), 4) for x in pooled[0]]  # (1/2, 1/2) of medium 7 plus (0, 1) of medium 9, at unit length
        [0.3162, 0.9487]
    """
    length = np.linalg.norm(vectors, axis=1)
    good = ~failed & (length > 0)
    pictures = np.asarray(vectors, np.float32)
    if templates.picture_weight == "equal":
        pictures = pictures / np.where(length > 0, length, 1).astype(np.float32)[:, None]
    kept = good[templates.picture]
    picture, template, media = templates.picture[kept], templates.template[kept], templates.media[kept]
    order = np.lexsort((media, template))
    picture, template, media = picture[order], template[order], media[order]
    new_medium = np.r_[True, (np.diff(template) != 0) | (np.diff(media) != 0)] if len(order) else np.zeros(0, bool)
    starts = np.flatnonzero(new_medium)
    pooled = np.zeros((len(templates), vectors.shape[1]), dtype=np.float32)
    if len(starts):
        counts = np.diff(np.r_[starts, len(picture)])
        means = np.add.reduceat(pictures[picture], starts, axis=0) / counts[:, None]
        np.add.at(pooled, template[starts], means)
    length = np.linalg.norm(pooled, axis=1)
    empty = length == 0
    return pooled / np.where(empty, 1, length)[:, None], empty
