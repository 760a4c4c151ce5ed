"""The same separation over many songs and many machines, on Ray. Needs the ``distributed`` extra.

Songs and stems are kept in folders or in anything that fsspec knows. Every song goes through
:func:`zoo.separation.files.separate_file`, so that its samples are those of ``zoo separate``.
"""
