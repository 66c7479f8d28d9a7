// The program `fedsim` of the wheel: the command is in the shared library, beside what Python calls, since both would be the same ten
// megabytes. The library is found next to the program's folder (rpath).
int fs_command(int count, char **arguments);

int main(int count, char **arguments) { return fs_command(count, arguments); }
