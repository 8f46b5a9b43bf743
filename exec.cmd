@rem The scripts of package.json begin with exec, so that a signal to npm reaches the program. The shell of Windows has no
@rem such word: it finds this file, which runs what follows the word.
@%*
