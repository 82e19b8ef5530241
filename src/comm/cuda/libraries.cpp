#include "autosampling/comm/choose_transport.hpp"
#include "autosampling/comm/gpu.hpp"

#include "autosampling/base/error.hpp"
#include "loaded.hpp"

#include <cuda_runtime_api.h>
#include <dlfcn.h>

namespace autosampling {

void* loaded_library(const char* name) {
    return dlopen(name, RTLD_NOW | RTLD_NOLOAD);
}

std::string file_of(const void* symbol) {
    Dl_info info{};
    return dladdr(symbol, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

namespace {

// 13000 as "13.0".
std::string cuda_version_text(int version) {
    return text(version / 1000, '.', version / 10 % 100);
}

LoadedLibrary driver() {
    int version = 0;
    if (cudaDriverGetVersion(&version) != cudaSuccess || version == 0) return {"driver", "none", ""};
    void* library = loaded_library("libcuda.so.1");
    const void* symbol = library == nullptr ? nullptr : dlsym(library, "cuInit");
    return {"driver", "for CUDA " + cuda_version_text(version), file_of(symbol)};
}

LoadedLibrary cudnn() {
    void* library = loaded_library("libcudnn.so.9");
    void* symbol = library == nullptr ? nullptr : dlsym(library, "cudnnGetVersion");
    if (symbol == nullptr) return {"cuDNN", "none", ""};
    // 91900 is 9.19.0.
    const std::size_t version = reinterpret_cast<std::size_t (*)()>(symbol)();
    return {"cuDNN", text(version / 10000, '.', version / 100 % 100, '.', version % 100), file_of(symbol)};
}

LoadedLibrary nccl() {
    const FoundNccl found = find_nccl();
    if (!found.library) return {"NCCL", "none", found.problem};
    return {"NCCL", nccl_version_text(found.version), file_of(dlsym(loaded_library("libnccl.so.2"), "ncclGetVersion"))};
}

} // namespace

std::vector<LoadedLibrary> gpu_libraries() {
    int runtime = 0;
    (void)cudaRuntimeGetVersion(&runtime);
    return {{"CUDA", cuda_version_text(runtime), file_of(dlsym(RTLD_DEFAULT, "cudaRuntimeGetVersion"))},
            cudnn(),
            nccl(),
            driver()};
}

} // namespace autosampling
