// Compiled; not run on the machines where this program was tested: they have no GPU.
#include "autosampling/training/repeated.hpp"

#include "autosampling/base/error.hpp"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAStream.h>

#include <string>
#include <utility>

namespace autosampling {
namespace {

constexpr int rehearsals = 3; // as PyTorch's documentation of CUDA graphs asks for

class Recorded : public Repeated {
  public:
    Recorded(const at::Device& device, const std::function<void()>& action) {
        for (int i = 0; i < rehearsals; ++i) action();
        c10::cuda::getCurrentCUDAStream(device.index()).synchronize();
        try {
            // Other threads may use the device meanwhile.
            graph_.capture_begin(at::cuda::graph_pool_handle(), cudaStreamCaptureModeThreadLocal);
            action();
            graph_.capture_end();
        } catch (const c10::Error& error) {
            const std::string words = error.what_without_backtrace();
            throw Error(ExitCode::failure, text("the GPU's work can't be recorded as a CUDA graph (",
                                                words.substr(0, words.find('\n')), "): set run.cuda_graphs = false"));
        }
    }
    void run() override { graph_.replay(); }

  private:
    at::cuda::CUDAGraph graph_;
};

} // namespace

std::unique_ptr<Repeated> repeat(const at::Device& device, std::function<void()> action) {
    if (!device.is_cuda()) return call(std::move(action));
    return std::make_unique<Recorded>(device, action);
}

} // namespace autosampling
