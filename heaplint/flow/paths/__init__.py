"""References and memory along the paths of a function: lowering to basic blocks, abstract interpretation, summaries.

`analyse` of heaplint.flow.paths.analysis is the way in; docs/references.md says what is modelled.
"""
