# Build a new root out of parts of the machine, switch to it, detach the old one and run a command.
# Runs as root in new mount, PID and UTS namespaces:
#     sh -c SCRIPT smproc HOSTNAME (read-only|writable|link|directory SOURCE PATH)... -- COMMAND ARGUMENT...
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
# Which of the two works depends on the user and on the installed programs; a host name is not worth a failure.
hostname "$1" 2>/dev/null || { printf '%s\n' "$1" >/proc/sys/kernel/hostname; } 2>/dev/null || :
shift

# Nothing is ever written to this directory itself: the new root is mounted over it.
root=/mnt
mount -t tmpfs -o mode=0755,nosuid,nodev smproc "$root"
mkdir "$root/.old" "$root/proc" "$root/dev" "$root/tmp" "$root/root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o mode=0755,nosuid smproc "$root/dev"
mount -t tmpfs -o mode=1777,nosuid,nodev smproc "$root/tmp"
mount -t tmpfs -o mode=0700,nosuid,nodev smproc "$root/root"
mkdir -m 1777 "$root/dev/shm"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
# Otherwise root could change the machine's settings even without capabilities.
for directory in bus fs irq sys sysrq-trigger; do
    if [ -e "$root/proc/$directory" ]; then
        mount -o bind,ro,nosuid,nodev,noexec "$root/proc/$directory" "$root/proc/$directory"
    fi
done

while [ "$1" != -- ]; do
    source=$2
    target=$root$3
    case $1 in
        directory)
            mkdir -p "$target"
            ;;
        link)
            mkdir -p "${target%/*}"
            ln -s "$source" "$target"
            ;;
        *)
            if [ -d "$source" ]; then
                mkdir -p "$target"
            else
                mkdir -p "${target%/*}"
                : >"$target"
            fi
            options=nosuid,nodev
            if [ "$1" = read-only ]; then
                options=$options,ro
            fi
            # In a user namespace a directory with mounts below it can only be bound together with them.
            mount -o "bind,$options" "$source" "$target" 2>/dev/null || mount -o "rbind,$options" "$source" "$target"
            ;;
    esac
    shift 3
done
shift

cd "$root"
pivot_root . .old
umount -l /.old
rmdir /.old
cd /
exec "$@"
