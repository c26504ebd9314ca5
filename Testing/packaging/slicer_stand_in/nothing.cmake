# Stands for the files of the application that an extension includes.
