"""The functions of Truto's own mapping authors. Their modules are imported when an expression first calls one."""
