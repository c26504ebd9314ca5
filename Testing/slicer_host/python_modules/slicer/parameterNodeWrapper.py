"""A parameter node with typed attributes, for the field types that this extension uses.

    @parameterNodeWrapper
    class Parameters:
        volume: vtkMRMLScalarVolumeNode
        threshold: Annotated[float, WithinRange(0, 1)] = 0.3

An instance wraps a `vtkMRMLScriptedModuleNode`. Values live in the node as text or node references, so they
are saved with the scene, and every change fires the node's ModifiedEvent. `connectGui` ties attributes to
widgets.
"""

from __future__ import annotations

from ._parameter_fields import Choice, Default, Maximum, Minimum, WithinRange, fields_of
from ._parameter_widgets import Connections

__all__ = ["Choice", "Default", "Maximum", "Minimum", "WithinRange", "parameterNodeWrapper"]

# The name of the dynamic property by which a widget of a `.ui` file says which parameter it shows.
WIDGET_PROPERTY = "SlicerParameterName"


def parameterNodeWrapper(cls: type) -> type:
    """Turn a class with annotated attributes into one that keeps them in a parameter node."""
    fields = fields_of(cls)

    def initialise(self: object, parameterNode: object, prefix: str = "") -> None:
        self.__dict__.update(parameterNode=parameterNode, _prefix=prefix, _connections={})
        for field in fields.values():
            field.write_default(parameterNode, prefix)

    def read(self: object, name: str) -> object:
        if name in fields:
            return fields[name].read(self.parameterNode, self._prefix)
        # What the wrapper lacks, AddObserver and GetID for instance, is the node's.
        return getattr(self.__dict__["parameterNode"], name)

    def write(self: object, name: str, value: object) -> None:
        if name not in fields:
            raise AttributeError(f"{cls.__name__} has no parameter '{name}'; it has {', '.join(fields)}")
        fields[name].write(self.parameterNode, self._prefix, value)

    for name in fields:
        if name in cls.__dict__:
            delattr(cls, name)
    cls.__init__, cls.__getattr__, cls.__setattr__ = initialise, read, write
    cls.default = lambda self, name: fields[name].default
    cls.connectGui, cls.disconnectGui = _connect_gui, _disconnect_gui
    cls.connectParametersToGui = _connect_parameters
    return cls


def _connect_gui(self: object, widgets: object) -> None:
    """Tie parameters to a widget whose children name their parameter.

    Nothing is returned, as in the application, so these ties cannot be undone: see `connectParametersToGui`.
    """
    _connect_parameters(self, _named_children(widgets))


def _connect_parameters(self: object, mapping: dict[str, object]) -> int:
    """Tie parameters to widgets by name; what is returned undoes it."""
    connections = Connections(self, mapping)
    tag = max(self._connections, default=0) + 1
    self._connections[tag] = connections
    return tag


def _disconnect_gui(self: object, tag: int) -> None:
    """Undo `connectParametersToGui`."""
    self._connections.pop(tag).close()


def _named_children(widgets: object) -> dict[str, object]:
    import slicer.util

    children = slicer.util.findChildren(widgets) if hasattr(widgets, "children") else vars(widgets).values()
    named = ((child.property(WIDGET_PROPERTY), child) for child in children if hasattr(child, "property"))
    return {name: child for name, child in named if name}
