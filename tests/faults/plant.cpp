// Preloaded into a rank, it makes calls fail that a rank makes of the system and of libraries:
//
//   PLANT=memory-training    LibTorch gets no memory
//   PLANT=memory-exchange    MPI has none to send or receive a state or a share of one with
//   PLANT=memory-writer      the thread that writes gets no large piece
//   PLANT=exception          a collective of MPI fails
//   PLANT=write:ERRNO        no regular file can be written
//   PLANT=open:ERRNO         no file can be opened to write
//   PLANT=take               the folder record/ becomes record.taken/ just before a segment in it is given its name
//   PLANT=clock:SECONDS      the clock of the day jumps
//   PLANT=nan:STEP           a weight is not a number after so many steps of training, whatever PLANT_AT says
//
// on the ranks PLANT_RANKS ("0", "all") from the moment on at which the file PLANT_AT exists.
#include <ATen/ops/_fused_sgd.h>

#include <mpi.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

const char* variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

bool is_on_this_rank() {
    const std::string_view ranks = variable("PLANT_RANKS");
    const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
    if (!rank) rank = variable("PMI_RANK");
    return ranks == "all" || ranks == rank;
}

// Whether this is the fault that was planted, and its moment has come. Allocates nothing.
bool strikes(std::string_view fault) {
    static const std::string_view planted = variable("PLANT");
    static const bool here = is_on_this_rank();
    static std::atomic<bool> begun = false;
    if (!here || planted.substr(0, planted.find(':')) != fault) return false;
    if (!begun) begun = ::syscall(SYS_access, variable("PLANT_AT"), F_OK) == 0;
    return begun;
}

// What stands behind the colon.
long amount() {
    const std::string_view planted = variable("PLANT");
    const auto colon = planted.find(':');
    return colon == std::string_view::npos ? 0 : std::atol(&planted[colon + 1]);
}

bool is_main_thread() {
    return ::syscall(SYS_gettid) == ::getpid();
}

template<class Function>
Function* next(Function*, const char* name) {
    static Function* const found = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
    return found;
}

bool is_regular(int descriptor) {
    struct stat found {};
    return ::fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode);
}

} // namespace

extern "C" {

int posix_memalign(void** result, std::size_t alignment, std::size_t size) noexcept {
    if (strikes("memory-training") && is_main_thread()) return ENOMEM;
    return next(posix_memalign, "posix_memalign")(result, alignment, size);
}

int MPI_Isend(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request* request) {
    if (strikes("memory-exchange")) return MPI_ERR_NO_MEM;
    return PMPI_Isend(data, count, type, to, tag, comm, request);
}

int MPI_Irecv(void* data, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request* request) {
    if (strikes("memory-exchange")) return MPI_ERR_NO_MEM;
    return PMPI_Irecv(data, count, type, from, tag, comm, request);
}

int MPI_Iallgatherv(const void* mine, int count, MPI_Datatype type, void* all, const int* counts, const int* places,
                    MPI_Datatype types, MPI_Comm comm, MPI_Request* request) {
    if (strikes("exception")) return MPI_ERR_OTHER;
    return PMPI_Iallgatherv(mine, count, type, all, counts, places, types, comm, request);
}

ssize_t write(int descriptor, const void* data, std::size_t size) {
    if (strikes("write") && is_regular(descriptor)) return errno = static_cast<int>(amount()), -1;
    return next(write, "write")(descriptor, data, size);
}

ssize_t pwrite(int descriptor, const void* data, std::size_t size, off_t at) {
    if (strikes("write") && is_regular(descriptor)) return errno = static_cast<int>(amount()), -1;
    return next(pwrite, "pwrite")(descriptor, data, size, at);
}

int open(const char* path, int flags, ...) {
    std::va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if ((flags & O_ACCMODE) != O_RDONLY && strikes("open")) return errno = static_cast<int>(amount()), -1;
    return next(open, "open")(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
    std::va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open(path, flags, mode);
}

int rename(const char* from, const char* to) noexcept {
    auto* const give_name = next(rename, "rename");
    const std::string_view path = to;
    if (const auto end = path.find("/record/cycles-"); end != std::string_view::npos && strikes("take")) {
        const std::string folder(path.substr(0, end + std::string_view("/record").size()));
        give_name(folder.c_str(), (folder + ".taken").c_str());
    }
    return give_name(from, to);
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
    const int result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
    if (clock == CLOCK_REALTIME && strikes("clock")) time->tv_sec += amount();
    return result;
}

std::time_t time(std::time_t* out) noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(timeval* out, void*) noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    *out = {now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

} // extern "C"

void* operator new(std::size_t size) {
    if (size > 1 << 16 && strikes("memory-writer") && !is_main_thread()) throw std::bad_alloc();
    void* memory = std::malloc(size);
    return memory ? memory : throw std::bad_alloc();
}

void at::_ops::_fused_sgd_::call(TensorList self, TensorList gradients, TensorList momenta, double weight_decay,
                                 double momentum, double learning_rate, double dampening, bool nesterov, bool maximize,
                                 bool is_first_step, const ::std::optional<Tensor>& scale,
                                 const ::std::optional<Tensor>& found_infinite) {
    using Call = decltype(at::_ops::_fused_sgd_::call);
    static Call* const real = reinterpret_cast<Call*>(::dlsym(
        RTLD_NEXT, "_ZN2at4_ops11_fused_sgd_4callEN3c108ArrayRefINS_6TensorEEES5_S5_ddddbbbRKSt8optionalIS4_ES9_"));
    real(self, gradients, momenta, weight_decay, momentum, learning_rate, dampening, nesterov, maximize, is_first_step,
         scale, found_infinite);
    static long steps = 0;
    static const bool planted = ::std::string_view(variable("PLANT")).starts_with("nan:") && is_on_this_rank();
    if (planted && ++steps == amount()) self[0].data_ptr<float>()[0] = ::std::numeric_limits<float>::quiet_NaN();
}
